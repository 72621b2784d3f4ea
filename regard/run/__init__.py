"""What a run directory is, and how it comes about.

directory   `Run`, `load`: the files of a run                  card            its model card
fit         recipe and files of pairs → a run, in the order in which things are needed
pairs, given, choose   the files, what their user said, and the recipe that fits them
tokenizers, subsets, digests   what is learned from the pairs, parts of them, what a run knows them by
place, start, resume   where a run may go, what a start finds and leaves, what a resume may change
training_parts         from the recipe to the parts of the training loop
validate, publish      what happens at each validation, and what the run then becomes
outcome, dry_run       how good it became; what all this would take
memory                 what the C library keeps, given back
keras_weights          weights of a tutorial's Keras model, both ways
"""
