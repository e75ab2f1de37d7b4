//! Tests of the dialect: everything but the sockets and the disk is real.

mod world;
