/* Handlers that are accepted. */
#ifndef SKETE_XSIGNAL_H
#define SKETE_XSIGNAL_H

#include <signal.h>

#include <support/check.h>
#include <support/xthread.h>

#define xsignal(number, handler) \
    ((signal((number), (handler)) == SIG_ERR) ? FAIL_EXIT1("signal(%d): %m", (number)) : (void) 0)
#define xsigaction(number, action, before) SUPPORT_ERRNO(sigaction((number), (action), (before)))
#define xraise(number) SUPPORT_ERRNO(raise(number))

#endif
