"""Checkpoints from elsewhere: hostile until their structure has been checked, and never more than numbers afterwards.

layout     a GPT-2's variables: their names in each format, their shapes
hdf5, ckpt, archive, bundle    what a file of each form declares, and its numbers (in the child alone)
child ⇄ validator      the process that reads, and its limits
adoption   what passed becomes a checkpoint of the lab
"""
