"""What project and property files say, held against their schema."""
