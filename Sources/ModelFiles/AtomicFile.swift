import Foundation

/// Files and folders written so that a crash at any moment leaves either the old or the new one.
///
/// The new content is built beside the old under a name that ends in `.partial-` and eight characters, synced
/// to the disk, and renamed. A crash may leave such a leftover, which is safe to delete; an error removes it.
package enum AtomicFile {
    /// Writes a whole file. Throws `ModelFileError`; then the old file is as it was.
    package static func write(_ data: Data, to url: URL) throws {
        try write(to: url) { append in try data.withUnsafeBytes { try append($0) } }
    }

    /// Writes a file piece by piece: `body` passes the pieces, in order, to the closure it is given. A link
    /// of this name is replaced by the file.
    ///
    /// Throws `ModelFileError` or what `body` throws; then the old file is as it was.
    package static func write(
        to url: URL, _ body: (_ append: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        let partial = partialPath(url, hidden: true)
        do {
            let file = try OutputFile(partial, flags: O_CREAT | O_EXCL)
            try body { try file.write($0) }
            try file.sync()
            try file.close()
            guard rename(partial, url.path) == 0 else {
                throw ModelFileError.system("replace", url.path, errno: errno, writing: true)
            }
        } catch {
            unlink(partial)
            throw named(error, partial, as: url)
        }
        try OutputFile.sync(path: parent(url))
    }

    /// Builds a folder aside with `body`, which gets the path to fill, and puts it in the place of `url`.
    ///
    /// Every file is synced before. An existing folder is exchanged with the new one in one step and then
    /// removed. Throws `ModelFileError` or what `body` throws; then the old folder is as it was.
    package static func replaceFolder(_ url: URL, _ body: (URL) throws -> Void) throws {
        try checkReplaceable(url)
        let partial = partialPath(url, hidden: false)
        guard mkdir(partial, 0o777) == 0 else {
            throw ModelFileError.system("create a folder beside", url.path, errno: errno, writing: true)
        }
        do {
            try body(URL(fileURLWithPath: partial, isDirectory: true))
            try syncTree(partial)
            try putInPlace(partial, url)
        } catch {
            try? FileManager.default.removeItem(atPath: partial)
            throw named(error, partial, as: url)
        }
        try OutputFile.sync(path: parent(url))
        // After an exchange the old folder lies where the new one was built.
        guard exists(partial) else { return }
        do {
            try FileManager.default.removeItem(atPath: partial)
        } catch {
            throw ModelFileError(
                kind: .unwritable, file: url.path,
                problem: "the new folder is in place, but the old one remains at \(partial)",
                advice: "delete that folder")
        }
    }

    /// Removes a folder so that a crash leaves all of it or a leftover, never a part of it under its own name.
    package static func removeFolder(_ url: URL) throws {
        let partial = partialPath(url, hidden: false)
        guard rename(url.path, partial) == 0 else {
            throw ModelFileError.system("remove", url.path, errno: errno, writing: true)
        }
        try FileManager.default.removeItem(atPath: partial)
    }

    /// Deletes what a crash left of unfinished files and folders in `folder`. For a folder that nobody else writes to.
    package static func removeLeftovers(in folder: URL) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names where isPartial(name) {
            // One that cannot be removed costs space, not correctness.
            try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
        }
    }

    private static let partialMark = ".partial-"

    private static func isPartial(_ name: String) -> Bool {
        guard let mark = name.range(of: partialMark, options: .backwards) else { return false }
        let suffix = name[mark.upperBound...]
        return suffix.utf8.count == 8 && suffix.allSatisfy { $0.isHexDigit && $0.isASCII }
    }

    /// Beside `url`, so that a rename never crosses file systems.
    private static func partialPath(_ url: URL, hidden: Bool) -> String {
        let digits = String(UInt32.random(in: 0...UInt32.max), radix: 16)
        let suffix = String(repeating: "0", count: 8 - digits.count) + digits
        let dot = hidden ? "." : ""
        return parent(url) + "/\(dot)\(url.lastPathComponent)\(partialMark)\(suffix)"
    }

    private static func parent(_ url: URL) -> String { url.deletingLastPathComponent().path }

    private static func mode(_ path: String) -> mode_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    private static func exists(_ path: String) -> Bool { mode(path) != nil }

    private static func checkReplaceable(_ url: URL) throws {
        guard let mode = mode(url.path), mode != S_IFDIR else { return }
        throw ModelFileError(
            file: url.path, problem: "cannot write a folder here: a file or link has this name",
            advice: "choose another path or remove it")
    }

    /// An error about the partial file or folder itself is of use to a user only under the final name.
    private static func named(_ error: any Error, _ partial: String, as url: URL) -> any Error {
        guard let error = error as? ModelFileError,
            error.file == partial || error.file.hasPrefix(partial + "/")
        else { return error }
        return ModelFileError(
            kind: error.kind, file: url.path + error.file.dropFirst(partial.count), place: error.place,
            problem: error.problem, advice: error.advice)
    }

    /// Syncs the files below a folder, then the folder. Links are left alone.
    private static func syncTree(_ path: String) throws {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
            throw ModelFileError(
                kind: .unwritable, file: path, problem: "cannot list the new folder",
                advice: "check the permissions and the disk")
        }
        for name in names.sorted() {
            let child = path + "/" + name
            switch mode(child) {
            case S_IFDIR: try syncTree(child)
            case S_IFREG: try OutputFile.sync(path: child)
            default: break
            }
        }
        try OutputFile.sync(path: path)
    }

    private static func putInPlace(_ partial: String, _ url: URL) throws {
        guard exists(url.path) else {
            guard rename(partial, url.path) == 0 else {
                throw ModelFileError.system("create", url.path, errno: errno, writing: true)
            }
            return
        }
        if exchange(partial, url.path) { return }
        guard errno == EINVAL || errno == ENOSYS else {
            throw ModelFileError.system("replace", url.path, errno: errno, writing: true)
        }
        // File systems without an exchange (some network ones): between these two renames a crash leaves the
        // old folder under the name `old` and the new one complete under its partial name.
        let old = partialPath(url, hidden: false)
        guard rename(url.path, old) == 0 else {
            throw ModelFileError.system("replace", url.path, errno: errno, writing: true)
        }
        guard rename(partial, url.path) == 0, rename(old, partial) == 0 else {
            let code = errno
            rename(old, url.path)
            throw ModelFileError.system("replace", url.path, errno: code, writing: true)
        }
    }

    /// renameat2(2) with RENAME_EXCHANGE; false with errno set when it fails.
    ///
    /// Looked up at run time: Swift's Glibc module is built without _GNU_SOURCE and does not declare it.
    private static func exchange(_ first: String, _ second: String) -> Bool {
        typealias Function =
            @convention(c) (
                Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32
            ) -> Int32
        guard let symbol = dlsym(nil, "renameat2") else {
            errno = ENOSYS
            return false
        }
        let exchangeFlag: UInt32 = 2
        let renameat2 = unsafeBitCast(symbol, to: Function.self)
        return renameat2(AT_FDCWD, first, AT_FDCWD, second, exchangeFlag) == 0
    }
}
