//! A world in memory with one client that signs its calls.
