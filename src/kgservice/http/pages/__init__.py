"""The pages for people: each module shows some, and does what the forms there ask for."""
