"""The files and the history of the repository, through git."""
import os
import subprocess


class Tree:
    def __init__(self, root):
        self.root = root
        self.unreadable_names = []  # set by files()

    def git(self, *arguments):
        """Returns the output of a git command, or None if it fails."""
        try:
            result = subprocess.run(('git', '-C', self.root) + arguments, capture_output=True, check=False)
        except FileNotFoundError:
            raise SystemExit('guard: the command git is not installed') from None
        return result.stdout if result.returncode == 0 else None

    def lines(self, *arguments):
        output = self.git(*arguments)
        return output.decode(errors='replace').splitlines() if output else []

    def files(self):
        """Returns the text of each file that is tracked or could be added, by path.

        Skips files that are not UTF-8 text. Names that are not printable UTF-8 go to
        `unreadable_names`, escaped, and their files are skipped too.
        """
        listed = self.git('ls-files', '-z', '--cached', '--others', '--exclude-standard')
        if listed is None:
            raise SystemExit('guard: this is not a git checkout')
        texts, self.unreadable_names = {}, []
        for path in sorted(set(os.fsdecode(listed).split('\0')) - {''}):
            if not path.isprintable():
                self.unreadable_names.append(ascii(path))
                continue
            try:
                with open(os.path.join(self.root, path), encoding='utf-8') as file:
                    texts[path] = file.read()
            except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
                pass
        return texts

    def _whole(self, commit):
        """Returns `commit`, or None if a shallow clone cuts the history off there or after it."""
        if commit is None:
            return None
        shallow = self.lines('rev-parse', '--git-path', 'shallow')
        try:
            with open(os.path.join(self.root, shallow[0]), encoding='utf-8') as file:
                cut = set(file.read().split())
        except (OSError, IndexError):
            return commit
        return None if cut & {commit, *self.lines('rev-list', f'{commit}..HEAD')} else commit

    def added_in(self, path):
        """Returns the commit that first added `path`, or None if this clone does not contain it."""
        commits = self.lines('log', '--format=%H', '--diff-filter=A', '--', path)
        return self._whole(commits[-1] if commits else None)

    def subjects_since(self, commit):
        """Returns pairs of short id and subject, without merges."""
        return [line.split(' ', 1) for line in
                self.lines('log', '--no-merges', '--format=%h %s', f'{commit}..HEAD')]
