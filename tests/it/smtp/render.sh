#!/bin/sh
# In the place of the program that makes documents: what it makes is its own test's business.
cat >/dev/null
printf '%%PDF-1.7\n%% a document\n'
