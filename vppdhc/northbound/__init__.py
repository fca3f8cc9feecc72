"""Configuration trees to frozen configuration, state to trees."""
