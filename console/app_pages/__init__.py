"""The pages, one file each; file name, address and module name are the same word."""
