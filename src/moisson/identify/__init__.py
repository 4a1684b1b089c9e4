"""What is this, and has it been seen before?"""
