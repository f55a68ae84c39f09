"""One file per rule of the workflow: load, call one function, save. Nothing is computed here that a library user could need.

Contract of a file: `main(...)` with typed options. Settings come as JSON, the sections of params.yaml the stage uses.
"""
