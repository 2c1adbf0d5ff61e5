//! Many errors at once, with their exact text; the sample; merging.
