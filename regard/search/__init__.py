"""To be re-exported lazily."""
