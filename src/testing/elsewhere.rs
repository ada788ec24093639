//! Where nobody is to come.

use std::fmt;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, ErrorKind, Result};

/// A socket on loopback that counts who connects, and answers nobody. As the proxy of an [`Http`](crate::Http) it is every
/// host but this machine: whoever is led astray comes here.
#[derive(Clone)]
pub struct Elsewhere {
    port: u16,
    visits: Arc<AtomicUsize>,
}

impl Elsewhere {
    /// Opens it, for as long as the process lives.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] where no socket can be opened.
    pub fn open() -> Result<Self> {
        let no_socket = |_| Error::new(ErrorKind::Unavailable, "no socket could be opened on 127.0.0.1");
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(no_socket)?;
        let port = listener.local_addr().map_err(no_socket)?.port();
        let visits = Arc::new(AtomicUsize::new(0));
        let counted = visits.clone();
        std::thread::spawn(move || {
            for _ in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self { port, visits })
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many came.
    #[must_use]
    pub fn visits(&self) -> usize {
        self.visits.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Elsewhere({})", self.port)
    }
}
