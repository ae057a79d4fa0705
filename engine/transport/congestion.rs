//! Which congestion control an end has, and which it can be given.

use std::fs;

use nix::unistd::geteuid;

use crate::error::{Error, Result};
use crate::transport::option::Options;
use crate::transport::options::CONGESTION;
use crate::transport::terms::Congestion;

/// The congestion control of TCP where nothing else is asked for; none where this kernel does not tell.
pub fn of_kernel() -> Option<String> {
    let told = fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control").ok()?;
    Some(told.trim().to_owned()).filter(|word| !word.is_empty())
}

/// The congestion control of QUIC where nothing else is asked for: the algorithm of TCP there, so that the two can be
/// compared; cubic where that is one which QUIC does not have here.
pub fn of_quic(kernel: Option<&str>) -> &'static str {
    match kernel {
        Some("bbr") => "bbr",
        Some("reno") => "newreno",
        _ => "cubic",
    }
}

/// The congestion control of both ends of QUIC with these options.
pub fn congestion_of_quic(options: &Options) -> &str {
    options.word(CONGESTION.name).unwrap_or_else(|| of_quic(of_kernel().as_deref()))
}

/// Whose congestion control QUIC has with these options.
pub fn terms_of_quic(options: &Options) -> Congestion {
    likewise(options.word(CONGESTION.name), of_kernel().as_deref())
}

fn likewise(asked: Option<&str>, kernel: Option<&str>) -> Congestion {
    // Of one algorithm there are two names.
    let named = |word| if word == "reno" { "newreno" } else { word };
    match (asked, kernel) {
        (None, Some(kernel)) if of_quic(Some(kernel)) == named(kernel) => {
            Congestion::Likewise(of_quic(Some(kernel)).to_owned())
        }
        (asked, kernel) => Congestion::Named(asked.unwrap_or_else(|| of_quic(kernel)).to_owned()),
    }
}

/// An error where this user may not give TCP the congestion control of that name, although the kernel has it.
pub fn permitted(word: &str) -> Result<()> {
    let told = |which: &str| fs::read_to_string(format!("/proc/sys/net/ipv4/tcp_{which}_congestion_control")).ok();
    match (told("available"), told("allowed")) {
        (Some(available), Some(allowed)) if !geteuid().is_root() => may_be(word, &available, &allowed),
        // Root may give any, and what the kernel has not is told by who asks for it.
        _ => Ok(()),
    }
}

fn may_be(word: &str, available: &str, allowed: &str) -> Result<()> {
    let has = |list: &str| list.split_ascii_whitespace().any(|other| other == word);
    if !has(available) || has(allowed) {
        return Ok(());
    }
    let allowed = allowed.trim();
    let told = format!("`congestion: {word}` is not for every user of this machine, who may have {allowed}");
    let remedy =
        format!("run as root, or allow it: `sysctl net.ipv4.tcp_allowed_congestion_control='{allowed} {word}'`");
    Err(Error::failed(told).help(remedy))
}

#[cfg(test)]
mod tests {
    use super::{likewise, may_be, of_quic};
    use crate::transport::terms::Congestion;

    #[test]
    fn quic_takes_the_algorithm_of_the_kernel_where_it_has_it() {
        let of = |kernel| of_quic(Some(kernel));
        assert_eq!(
            [of("bbr"), of("reno"), of("cubic"), of("vegas"), of_quic(None)],
            ["bbr", "newreno", "cubic", "cubic", "cubic"]
        );
    }

    #[test]
    fn it_is_told_where_quic_has_what_the_kernel_has_unasked() {
        let (like, named) =
            (|word: &str| Congestion::Likewise(word.to_owned()), |word: &str| Congestion::Named(word.to_owned()));
        assert_eq!(likewise(None, Some("bbr")), like("bbr"));
        assert_eq!(likewise(None, Some("reno")), like("newreno"));
        assert_eq!(likewise(None, Some("vegas")), named("cubic"), "which is another than the kernel's");
        assert_eq!(likewise(Some("bbr"), Some("bbr")), named("bbr"));
        assert_eq!(likewise(None, None), named("cubic"));
    }

    #[test]
    fn what_is_there_and_not_allowed_is_told_with_the_remedy() {
        let error = may_be("bbr", "reno cubic bbr\n", "reno cubic\n").expect_err("it is not allowed");
        assert!(error.message().contains("who may have reno cubic"), "{error}");
        assert!(error.remedy().is_some_and(|help| help.contains("='reno cubic bbr'")), "{error}");
        assert!(may_be("cubic", "reno cubic bbr", "reno cubic").is_ok());
        assert!(may_be("vegas", "reno cubic bbr", "reno cubic").is_ok(), "who asks for it is told that there is none");
    }
}
