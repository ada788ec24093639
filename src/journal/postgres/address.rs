//! Where the database is, and whether the way there needs TLS.

use std::net::IpAddr;

use secrecy::{ExposeSecret as _, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::failure::wrong;
use crate::error::Result;

/// An address that was read, with TLS demanded wherever it has to be.
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) plain: bool,
}

/// Reads an address. What it says is never quoted: it may hold a password, and where that was misread, anywhere.
pub(super) fn read(address: &SecretString, plain_on_this_machine: bool) -> Result<Address> {
    let mut config: Config = address.expose_secret().parse().map_err(|_| {
        wrong(
            "the database's address cannot be read: write it like postgres://user:password@host/database, with %-escapes \
             in the password; of `sslmode` there are disable, prefer and require, and certificates are always verified",
        )
    })?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(wrong("the database's address names no host: write it like postgres://user@host/database"));
    }
    let here = is_this_machine(&config);
    let plain = here && plain_on_this_machine && config.get_ssl_mode() != SslMode::Require;
    if !plain {
        if config.get_ssl_mode() == SslMode::Disable {
            return Err(wrong(if here {
                "the database's address switches TLS off: as it is this very machine, `allow_plain_text_on_this_machine`"
            } else {
                "the database's address switches TLS off: take `sslmode=disable` out of it"
            }));
        }
        if has_socket(&config) {
            return Err(wrong("a Unix socket has no TLS: `allow_plain_text_on_this_machine`, or name a host"));
        }
    }
    config.ssl_mode(if plain { SslMode::Disable } else { SslMode::Require });
    Ok(Address { config, plain })
}

/// Whether every way that the address names stays on this machine.
fn is_this_machine(config: &Config) -> bool {
    let loopback =
        |name: &str| name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    let host = |host: &Host| match host {
        Host::Tcp(name) => loopback(name),
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(host) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

#[cfg(unix)]
fn has_socket(config: &Config) -> bool {
    config.get_hosts().iter().any(|host| matches!(host, Host::Unix(_)))
}

#[cfg(not(unix))]
fn has_socket(_: &Config) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(address: &str, allowed: bool) -> Option<bool> {
        read(&address.into(), allowed).ok().map(|address| address.plain)
    }

    #[test]
    fn what_leaves_this_machine_has_tls_and_what_stays_has_it_too_unless_it_is_switched_off() {
        for far in [
            "postgres://me:pw@db.example.com/x",
            "postgres://db.example.com/x?sslmode=prefer",
            "host=10.0.0.7 dbname=x",
            "postgres://localhost,db.example.com/x",
            "host=localhost hostaddr=10.0.0.7 dbname=x",
            "host=localhost.example.com",
        ] {
            assert_eq!((plain(far, false), plain(far, true)), (Some(false), Some(false)), "{far}");
        }
        for near in
            ["postgres://localhost/x", "postgres://127.0.0.1:5433/x", "host=::1", "host=localhost hostaddr=127.1.2.3"]
        {
            assert_eq!((plain(near, false), plain(near, true)), (Some(false), Some(true)), "{near}");
        }
        assert_eq!(plain("postgres://localhost/x?sslmode=require", true), Some(false));
        assert_eq!(plain("postgres://localhost/x?sslmode=disable", false), None);
        for refused in ["postgres://db.example.com/x?sslmode=disable", "postgres://", "user=me"] {
            assert_eq!((plain(refused, false), plain(refused, true)), (None, None), "{refused}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_needs_the_same_permission() {
        assert_eq!((plain("host=/run/postgresql", false), plain("host=/run/postgresql", true)), (None, Some(true)));
        assert_eq!(plain("host=/run/postgresql,db.example.com", true), None);
    }

    #[test]
    fn a_demand_for_tls_is_made_of_the_connection() {
        let far = read(&"postgres://db.example.com/x".into(), true).unwrap();
        assert_eq!(far.config.get_ssl_mode(), SslMode::Require);
    }

    #[test]
    fn an_address_that_cannot_be_read_is_not_quoted() {
        for address in ["postgres://me:hunter2pw@host/x?hunter2pw=1", "postgres://me:hunter2pw@host:port", "hunter2pw"]
        {
            let error = read(&address.into(), true).map(|_| ()).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{address}");
        }
    }
}
