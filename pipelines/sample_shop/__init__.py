"""The bundled shop: drawn photos, texts in two languages, and behaviour with a planted truth that no catalogue column tells."""
