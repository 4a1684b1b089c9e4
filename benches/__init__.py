"""What each room costs, beside a peer in the same run."""
