"""What goes on by itself while others are answered."""
