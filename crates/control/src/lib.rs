//! The control plane: object store with watch, allocators, controllers. No kernel; the time is what it is told.

pub mod allocator;
pub mod controllers;
pub mod pods;
pub mod recorder;
pub mod registry;
pub mod store;
