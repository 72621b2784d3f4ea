"""The model: `encoder_decoder` is the whole path on one page, `build` makes one from a recipe, `initialize` draws its
first weights."""
