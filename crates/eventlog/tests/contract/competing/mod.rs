//! Competing consumers: the machine by itself, and over every store.

mod groups;
mod machine;
mod parked;
mod random;
