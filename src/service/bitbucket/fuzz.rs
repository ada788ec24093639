//! The readers of what Bitbucket answers, for the fuzz targets.

pub(crate) use super::cloud::fuzz as cloud;
pub(crate) use super::data_center::fuzz as data_center;
