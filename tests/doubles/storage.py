"""A file storage without paths, like a bucket."""

from django.core.files.storage import FileSystemStorage, Storage


class Bucket(Storage):
    """Keeps its files in the folder that others are kept in, and says not where."""

    def __init__(self):
        self._files = FileSystemStorage()

    def _save(self, name, content):
        return self._files.save(name, content)

    def _open(self, name, mode):
        return self._files.open(name, mode)

    def delete(self, name):
        self._files.delete(name)

    def exists(self, name):
        return self._files.exists(name)

    def size(self, name):
        return self._files.size(name)
