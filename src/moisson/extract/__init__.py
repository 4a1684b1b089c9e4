"""Items to text, facts, events and children: one module a family, one function a format."""
