//! Tables and stories of the machine.
