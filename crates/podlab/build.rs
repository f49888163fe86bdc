//! Links podlab at a fixed address: every pod is a process of it, and would have a megabyte of addresses of its own, which
//! are written anew at each start, if it could be anywhere.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_CFG_TARGET_OS").is_some_and(|os| os == "linux") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
