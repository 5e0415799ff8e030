//! What becomes of an import over its life: edits, restarts, foreign objects, deletion.
