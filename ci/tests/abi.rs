//! The Hermit ABI: every symbol of crate `hermit-abi` is defined by the kernel, and the numbers and structs are the same.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::fs;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::Command;

use skete_abi::{files, net};

/// Where cargo keeps the source of `hermit-abi`.
fn hermit_abi() -> PathBuf {
    // Of this machine's platform only: other platforms' crates were never fetched.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo metadata runs");
    let metadata = String::from_utf8(output.stdout).expect("cargo speaks UTF-8");
    let manifest = metadata
        .split("\"manifest_path\":\"")
        .filter_map(|rest| rest.split('"').next())
        .find(|path| path.contains("/hermit-abi-0.5."))
        .expect("hermit-abi is a dependency of this test");
    Path::new(manifest).parent().expect("a manifest is in a folder").join("src/lib.rs")
}

/// The functions that `source` has after `marker`: their symbols, and how many arguments each takes.
fn functions(source: &str, marker: &str) -> BTreeMap<String, usize> {
    source.split(marker).skip(1).filter_map(function).collect()
}

/// The first function in `text`: its symbol (a `"sys_…"]` in front of it, else its own name) and its number of arguments.
fn function(text: &str) -> Option<(String, usize)> {
    let at = text.find("fn ")?;
    let (attributes, declaration) = (&text[..at], &text[at + 3..]);
    let (name, rest) = declaration.split_once('(')?;
    let symbol = attributes.split('"').next().filter(|symbol| symbol.starts_with("sys_")).unwrap_or(name);
    let arguments = &rest[..closing(rest)?];
    // A colon and a blank stand between each argument and its type.
    Some((symbol.to_owned(), arguments.matches(": ").count()))
}

/// Where the parenthesis closes that was opened just before `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    text.char_indices().find_map(|(at, letter)| {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        (depth == 0).then_some(at)
    })
}

fn declared() -> BTreeMap<String, usize> {
    let source = fs::read_to_string(hermit_abi()).unwrap();
    let mut declared = functions(&source, "#[link_name = \"");
    // Two bear their symbols as names.
    for line in source.lines().filter(|line| line.trim_start().starts_with("fn sys_")) {
        declared.extend(function(line));
    }
    declared
}

fn defined() -> BTreeMap<String, usize> {
    let calls = Path::new(env!("CARGO_MANIFEST_DIR")).join("../kernel/src/calls");
    let mut defined = BTreeMap::new();
    for file in fs::read_dir(calls).unwrap() {
        let source = fs::read_to_string(file.unwrap().path()).unwrap();
        defined.extend(functions(&source, "#[unsafe(no_mangle)]"));
    }
    defined
}

#[test]
fn every_symbol_is_defined_and_takes_as_many_arguments() {
    let (declared, defined) = (declared(), defined());
    assert!(declared.len() >= 81, "only {} symbols found in hermit-abi: {declared:?}", declared.len());
    let missing: Vec<_> = declared.keys().filter(|symbol| !defined.contains_key(*symbol)).collect();
    assert!(missing.is_empty(), "the kernel does not define {missing:?}");
    for (symbol, arguments) in &declared {
        assert_eq!(defined[symbol], *arguments, "arguments of {symbol}");
    }
}

#[test]
fn structs_are_laid_out_alike() {
    macro_rules! alike {
        ($ours:ty, $theirs:ty, $($field:ident),+) => {
            $(assert_eq!(
                offset_of!($ours, $field),
                offset_of!($theirs, $field),
                concat!(stringify!($ours), ".", stringify!($field))
            );)+
        };
    }
    alike!(files::TimeSpec, hermit_abi::timespec, tv_sec, tv_nsec);
    alike!(files::PollFd, hermit_abi::pollfd, fd, events, revents);
    alike!(files::IoVec, hermit_abi::iovec, iov_base, iov_len);
    alike!(files::Dirent, hermit_abi::dirent64, d_ino, d_off, d_reclen, d_type);
    alike!(
        files::Stat,
        hermit_abi::stat,
        st_dev,
        st_ino,
        st_nlink,
        st_mode,
        st_uid,
        st_gid,
        st_rdev,
        st_size,
        st_blksize,
        st_blocks,
        st_atim,
        st_mtim,
        st_ctim
    );
    alike!(net::SockAddrIn, hermit_abi::sockaddr_in, sin_len, sin_family, sin_port, sin_addr);
    alike!(net::SockAddrIn6, hermit_abi::sockaddr_in6, sin6_len, sin6_family, sin6_port, sin6_flowinfo, sin6_addr, sin6_scope_id);
    alike!(net::TimeVal, hermit_abi::timeval, tv_sec, tv_usec);
    alike!(net::Linger, hermit_abi::linger, l_onoff, l_linger);
    alike!(net::IpMreq, hermit_abi::ip_mreq, imr_multiaddr, imr_interface);
    alike!(net::Ipv6Mreq, hermit_abi::ipv6_mreq, ipv6mr_multiaddr, ipv6mr_interface);
    alike!(net::AddrInfo, hermit_abi::addrinfo, ai_family, ai_socktype, ai_protocol, ai_addrlen, ai_canonname, ai_addr, ai_next);
    assert_eq!(size_of::<net::SockAddrIn>(), size_of::<hermit_abi::sockaddr_in>());
    assert_eq!(size_of::<net::SockAddrIn6>(), size_of::<hermit_abi::sockaddr_in6>());
    assert_eq!(size_of::<net::AddrInfo>(), size_of::<hermit_abi::addrinfo>());
    assert_eq!(files::DIRENT_NAME_OFFSET, offset_of!(hermit_abi::dirent64, d_name));
    assert_eq!(size_of::<files::Stat>(), size_of::<hermit_abi::stat>());
    assert_eq!(size_of::<files::TimeSpec>(), size_of::<hermit_abi::timespec>());
    assert_eq!(size_of::<files::PollFd>(), size_of::<hermit_abi::pollfd>());
    assert_eq!(size_of::<files::IoVec>(), size_of::<hermit_abi::iovec>());
}

#[test]
fn numbers_are_the_same() {
    macro_rules! same {
        ($($name:ident),+) => {
            $(assert_eq!(files::$name, hermit_abi::$name, stringify!($name));)+
        };
    }
    same!(O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NONBLOCK, O_DIRECTORY);
    same!(F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, FD_CLOEXEC, FIONBIO, SEEK_SET, SEEK_CUR, SEEK_END);
    same!(POLLIN, POLLOUT, POLLERR, POLLHUP, POLLNVAL, POLLRDNORM, POLLWRNORM);
    same!(EFD_SEMAPHORE, EFD_NONBLOCK, EFD_CLOEXEC, IOV_MAX, DT_CHR, DT_DIR, DT_REG, DT_LNK, DT_SOCK);
    same!(S_IFMT, S_IFCHR, S_IFDIR, S_IFREG, S_IFLNK, S_IFSOCK);
}

#[test]
fn numbers_of_sockets_are_the_same() {
    macro_rules! same {
        ($($name:ident),+) => {
            $(assert_eq!(net::$name, hermit_abi::$name, stringify!($name));)+
        };
    }
    same!(AF_UNSPEC, AF_INET, AF_INET6, SOCK_STREAM, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_CLOEXEC, SOL_SOCKET, MSG_PEEK);
    same!(IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_IPV6, SHUT_RD, SHUT_WR, SHUT_RDWR, TCP_NODELAY, IP_TOS, IP_TTL);
    same!(SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST, SO_LINGER, SO_SNDBUF, SO_RCVBUF, SO_SNDTIMEO, SO_RCVTIMEO, SO_ERROR);
    same!(IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IP_MULTICAST_TTL, IP_MULTICAST_LOOP);
    same!(IPV6_ADD_MEMBERSHIP, IPV6_DROP_MEMBERSHIP, IPV6_MULTICAST_LOOP, IPV6_V6ONLY);
    same!(EAI_AGAIN, EAI_FAIL, EAI_FAMILY, EAI_MEMORY, EAI_NONAME, EAI_SERVICE, EAI_SOCKTYPE);
}

#[test]
fn errors_are_the_same() {
    use skete_abi::Errno;
    macro_rules! same {
        ($($name:ident),+) => {
            $(assert_eq!(Errno::$name.number(), hermit_abi::errno::$name, stringify!($name));)+
        };
    }
    same!(EPERM, ENOENT, ESRCH, EINTR, EIO, ENXIO, EBADF, EAGAIN, ENOMEM, EACCES, EFAULT, EBUSY, EEXIST, EXDEV, ENODEV, ENOTDIR);
    same!(EISDIR, EINVAL, ENFILE, EMFILE, ENOTTY, EFBIG, ENOSPC, ESPIPE, EROFS, EPIPE, EDEADLK, ENAMETOOLONG, ENOSYS, ENOTEMPTY);
    same!(ELOOP, EIDRM, EOVERFLOW, ENOTSOCK, EADDRINUSE, ECONNREFUSED, ECONNRESET, EISCONN, ENOTCONN, ETIMEDOUT, EINPROGRESS);
}
