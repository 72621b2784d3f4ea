"""A run directory: what it holds, and how training makes it.

directory           `Run`, `load`: the files of a run
own_files           whether each file is one of the run itself
ensemble            which runs can be searched together
card                the model card
fit                 recipe and files of pairs → a trained run
pairs               the files of pairs, or pairs from Python
given, choose       the recipe that the user named, or one chosen from the pairs
sides               learns the tokenisers, or what another kind of source learns
subsets             the pairs to learn from, and the pairs held out
digests             SHA-256 of the pairs, so that a run is resumed with the same pairs
place               whether a run can begin or be resumed in a directory
start               clean-up around the start of a run
resume              what may change when a run is resumed
training_parts      recipe → the parts of the training loop
validation_metric   the scores of a validation
publish             writes the weights to use
outcome             the score of the published weights, and warnings
dry_run             estimates the time and the memory of training
memory              requests to the system about memory
keras_weights       weights of a tutorial's Keras model, from Keras and to Keras
"""
