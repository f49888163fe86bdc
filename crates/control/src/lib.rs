//! The control plane: object store with watch, allocators, controllers. No kernel, no clock of its own.

pub mod allocator;
pub mod controllers;
pub mod pods;
pub mod registry;
pub mod store;
