//! OpenRefactory iCR: what its token needs, and the places that hand it over.
