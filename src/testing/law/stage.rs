//! Where a law plays, and a law by its name.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::ruling::violated;
use super::{Exception, Ruling};
use crate::error::{Error, ErrorKind, Result};

type Raised<S> = Pin<Box<dyn Future<Output = Result<Box<S>>> + Send>>;

/// Where a law plays: for each act it raises anew what the law plays with.
///
/// `S` is a [`FarSide`](crate::testing::consumer::FarSide) for the laws of consumers, and a
/// [`Source`](crate::testing::provider::Source) for those of providers.
pub struct Stage<S: ?Sized>(Arc<dyn Fn() -> Raised<S> + Send + Sync>);

impl<S: ?Sized> Stage<S> {
    pub(in crate::testing) fn raising<F>(raise: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Box<S>>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(raise())))
    }

    /// What a law plays with, made anew.
    ///
    /// # Errors
    ///
    /// That it could not be raised.
    pub async fn raise(&self) -> std::result::Result<Box<S>, Exception> {
        (self.0)().await.or_else(|error| violated(format!("what the law plays with could not be raised: {error}")))
    }
}

impl<S: ?Sized> Clone for Stage<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: ?Sized> fmt::Debug for Stage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stage")
    }
}

type Judge<S> = fn(Stage<S>) -> Pin<Box<dyn Future<Output = Ruling>>>;

/// A law, by its name.
#[non_exhaustive]
pub struct Law<S: ?Sized + 'static> {
    /// Its name, which is a sentence with underscores.
    pub name: &'static str,
    judge: Judge<S>,
}

impl<S: ?Sized> Law<S> {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(name: &'static str, judge: Judge<S>) -> Self {
        Self { name, judge }
    }

    /// Holds the implementation of this stage to it. Call it on a runtime of one thread: what is logged is heard there
    /// alone.
    ///
    /// # Errors
    ///
    /// Why it was not shown to be kept.
    pub async fn judge(&self, stage: Stage<S>) -> Ruling {
        (self.judge)(stage).await
    }
}

/// What each of these laws says on this stage. A runtime of one thread is made for it: what is logged is heard there alone.
///
/// # Errors
///
/// [`ErrorKind::Unavailable`] where no runtime can be made.
pub fn rulings<S: ?Sized>(laws: &[Law<S>], stage: &Stage<S>) -> Result<Vec<Ruling>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|_| Error::new(ErrorKind::Unavailable, "no runtime can be made for the laws"))?;
    Ok(runtime.block_on(async {
        let mut rulings = Vec::new();
        for law in laws {
            rulings.push(law.judge(stage.clone()).await);
        }
        rulings
    }))
}

impl<S: ?Sized> Clone for Law<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: ?Sized> Copy for Law<S> {}

impl<S: ?Sized> fmt::Debug for Law<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
