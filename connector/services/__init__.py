"""The steps of a run and what people ask for beside it: plain functions over ports, a file each."""
