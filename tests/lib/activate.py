"""Starts a command with sockets as the service manager does it (sd_listen_fds(3)): activate.py FD,FD,... COMMAND..."""

import os
import sys

FIRST = 3

descriptors = [int(number) for number in sys.argv[1].split(",")]
# Out of the way first: a descriptor may have a number that another one is to get.
moved = [os.dup2(descriptor, FIRST + len(descriptors) + 100 + index) for index, descriptor in enumerate(descriptors)]
for index, descriptor in enumerate(moved):
    os.dup2(descriptor, FIRST + index)
    os.close(descriptor)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(moved)))
os.execv(sys.argv[2], sys.argv[2:])
