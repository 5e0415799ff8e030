//! What becomes of objects that are missing, forbidden, no image, or change.
