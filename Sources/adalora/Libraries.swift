import COpenSSL
import CZlib
import Foundation
import Images
import Matrices

/// A library that the program runs with.
struct Library {
    let name: String
    let version: String
    /// The file it was loaded from; nil where it is part of the program.
    let path: String?

    static var all: [Library] {
        let files = MappedFiles()
        return [
            Library(
                name: "OpenBLAS", version: ProductLibraries.openBLASVersion,
                path: files.library("libopenblas")),
            Library(name: "oneDNN", version: ProductLibraries.oneDNNVersion, path: files.library("libdnnl.")),
            Library(
                name: "LAPACK", version: ProductLibraries.lapackVersion, path: files.library("liblapacke.")),
            Library(
                name: "OpenSSL", version: text(OpenSSL_version(OPENSSL_VERSION_STRING)),
                path: files.library("libcrypto.")),
            Library(name: "zlib", version: text(zlibVersion()), path: files.library("libz.")),
        ]
            + ImageLibraries.all.map {
                Library(name: $0.name, version: $0.version, path: files.library($0.file))
            }
    }

    private static func text(_ version: UnsafePointer<CChar>?) -> String {
        version.map { String(cString: $0) } ?? "unknown"
    }
}

/// The files that are mapped into this process.
struct MappedFiles {
    private let paths: [String]

    /// `/proc/self/maps`: `7f00-7f10 r-xp 00000000 fe:01 1234 /usr/lib/libz.so.1`. It tells no size, by which files are read whole.
    init() {
        let data = FileHandle(forReadingAtPath: "/proc/self/maps")?.readDataToEndOfFile() ?? Data()
        let maps = String(decoding: data, as: UTF8.self)
        paths = maps.split(separator: "\n").compactMap { line in
            line.firstIndex(of: "/").map { String(line[$0...]) }
        }
    }

    /// The file whose name begins so; addresses of functions would lead to the program, which calls through a table of its own.
    func library(_ start: String) -> String? {
        paths.first { $0.split(separator: "/").last?.hasPrefix(start) ?? false }
    }

    /// The file of this process.
    static var program: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            ?? CommandLine.arguments.first ?? "unknown"
    }
}
