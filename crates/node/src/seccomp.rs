//! System calls that no container has, because no namespace ends what they reach: the kernel's keys, which a whole user
//! shares, and sockets to the machine that this one is a virtual machine of.

#![expect(unsafe_code, reason = "nix has no seccomp")]

use std::io;

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JUMP, BPF_K, BPF_LD, BPF_RET, BPF_STMT, BPF_W, sock_filter,
};
use nix::errno::Errno;

/// Which calls the numbers of `libc` are of: `AUDIT_ARCH_…` in `linux/audit.h`.
const ARCHITECTURE: u32 = if cfg!(target_arch = "x86_64") {
    0xc000_003e
} else if cfg!(target_arch = "aarch64") {
    0xc000_00b7
} else if cfg!(target_arch = "riscv64") {
    0xc000_00f3
} else {
    panic!("this architecture has no filter yet")
};

/// Calls above this are those of another architecture that x86-64 kernels have as well.
const X32: u32 = 0x4000_0000;

/// Where the kernel has what the filter looks at: `struct seccomp_data`.
const NUMBER: u32 = 0;
const KIND: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;

const KEYS: [libc::c_long; 3] = [libc::SYS_add_key, libc::SYS_keyctl, libc::SYS_request_key];

/// Filters the calling thread's system calls, for good. It must have no way to gain privileges any more.
pub(crate) fn filter() -> io::Result<()> {
    let mut program = rules();
    let filter = libc::sock_fprog {
        len: program.len() as libc::c_ushort,
        filter: program.as_mut_ptr(),
    };
    // Programs are not slowed down by what protects the filter of a browser from the scripts that it runs.
    let flags = libc::SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    // SAFETY: the program lives through the call, which copies it.
    let set = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            flags,
            &raw const filter,
        )
    };
    Errno::result(set)?;
    Ok(())
}

fn rules() -> Vec<sock_filter> {
    let mut rules = vec![load(KIND)];
    rules.extend(unless(BPF_JEQ, ARCHITECTURE, libc::ENOSYS));
    rules.push(load(NUMBER));
    if cfg!(target_arch = "x86_64") {
        rules.extend(when(BPF_JGE, X32, libc::ENOSYS));
    }
    for call in KEYS {
        rules.extend(when(BPF_JEQ, call as u32, libc::EPERM));
    }
    rules.push(jump(BPF_JEQ, libc::SYS_socket as u32, 0, 3));
    rules.push(load(FIRST_ARGUMENT));
    rules.extend(when(BPF_JEQ, libc::AF_VSOCK as u32, libc::EAFNOSUPPORT));
    rules.push(answer(libc::SECCOMP_RET_ALLOW));
    rules
}

fn when(condition: u32, value: u32, errno: libc::c_int) -> [sock_filter; 2] {
    [jump(condition, value, 0, 1), refuse(errno)]
}

fn unless(condition: u32, value: u32, errno: libc::c_int) -> [sock_filter; 2] {
    [jump(condition, value, 1, 0), refuse(errno)]
}

fn load(offset: u32) -> sock_filter {
    // SAFETY: it only makes an instruction.
    unsafe { BPF_STMT((BPF_LD | BPF_W | BPF_ABS) as u16, offset) }
}

/// Goes so many instructions further when the condition holds, and when it doesn't.
fn jump(condition: u32, value: u32, holds: u8, not: u8) -> sock_filter {
    // SAFETY: it only makes an instruction.
    unsafe { BPF_JUMP((BPF_JMP | condition | BPF_K) as u16, value, holds, not) }
}

fn refuse(errno: libc::c_int) -> sock_filter {
    answer(libc::SECCOMP_RET_ERRNO | errno as u32)
}

fn answer(value: u32) -> sock_filter {
    // SAFETY: it only makes an instruction.
    unsafe { BPF_STMT((BPF_RET | BPF_K) as u16, value) }
}
