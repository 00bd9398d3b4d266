"""What a location may be: files, frames, tables of attached databases."""
