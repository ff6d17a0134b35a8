"""Files that describe images: lists, tags, class maps, proposals, word vectors."""
