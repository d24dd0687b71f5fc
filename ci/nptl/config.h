/* What configuring glibc would find out; no test of those that are asked needs it. */
