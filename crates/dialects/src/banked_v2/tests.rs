//! Stories and tables.
