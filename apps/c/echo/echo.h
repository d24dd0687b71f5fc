/* What the parts of the program share. */
#ifndef ECHO_H
#define ECHO_H

/* Ends the program unless `truth`. */
void need(int truth, const char *what);

/* Says everything back on a connection until the other side has no more to say; how much that was, or -1. */
void *serve(void *connection);

/* Listens on a port of each address that this machine has; 0: on one that is free. */
int listener(int port);

/* Serves on PORT and the three after it until somebody connects to the last. */
int services(int port);

#endif
