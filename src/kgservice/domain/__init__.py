"""What the words of the model mean: values and rules, no input or output."""
