import Foundation
import Messages

/// What is wrong with a file, in one line: where, what, and what to try.
package struct ModelFileError: Error, CustomStringConvertible, Sendable, Equatable {
    /// Decides a command's exit status.
    package enum Kind: Sendable, Equatable {
        /// The file or folder does not exist.
        case missing
        /// The content breaks the format, or asks for something that is not supported.
        case invalid
        /// The operating system refused to read.
        case unreadable
        /// The operating system refused to write.
        case unwritable
        /// There is no space left, or a quota is used up.
        case diskFull
        /// Another process writes there.
        case inUse
    }

    package let kind: Kind
    /// The path of the file or folder.
    package let file: String
    /// The place inside the file, for example `tensor 'a.weight'`, `line 3` or `key 'hidden_size'`.
    package let place: String?
    package let problem: String
    package let advice: String

    package init(kind: Kind = .invalid, file: String, place: String? = nil, problem: String, advice: String) {
        self.kind = kind
        self.file = file
        self.place = place
        self.problem = problem
        self.advice = advice
    }

    /// `file: place: what is wrong; what to try`
    package var description: String {
        let name = oneLine(file, limit: 2_000)
        let start = place.map { "\(name): \(oneLine($0))" } ?? name
        return "\(start): \(oneLine(problem)); \(advice)"
    }
}

extension ModelFileError {
    /// A failed system call. `operation` completes "cannot …", for example "open" or "write".
    static func system(
        _ operation: String, _ path: String, errno code: Int32, writing: Bool
    ) -> ModelFileError {
        let kind: Kind
        let advice: String
        switch code {
        case ENOENT, ENOTDIR: (kind, advice) = (.missing, "check the path")
        case ENOSPC, EDQUOT: (kind, advice) = (.diskFull, "free some space or choose another folder")
        case EACCES, EPERM, EROFS:
            (kind, advice) = (writing ? .unwritable : .unreadable, "check the permissions")
        case EFBIG: (kind, advice) = (.unwritable, "raise the limit (ulimit -f) or choose another disk")
        default: (kind, advice) = (writing ? .unwritable : .unreadable, "check the path and the disk")
        }
        let reason = code == ENOSPC ? "disk full" : String(cString: strerror(code))
        return ModelFileError(
            kind: kind, file: path, problem: "cannot \(operation): \(reason)", advice: advice)
    }
}
