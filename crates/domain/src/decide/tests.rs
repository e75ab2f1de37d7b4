//! Tables and stories of the machine.

mod pairs;
mod shop;
mod stories;
