import COpenSSL
import Foundation

/// SHA-256 (FIPS 180-4) of bytes that come in pieces, by OpenSSL's libcrypto.
package final class SHA256Digest {
    private let context: OpaquePointer

    package init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto has no SHA-256 to offer")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        let taken = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(taken == 1, "libcrypto refused \(bytes.count) bytes")
    }

    /// 64 digits. Ends the digest: nothing may be added after it.
    package func hexadecimal() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        let ended = EVP_DigestFinal_ex(context, &digest, nil)
        precondition(ended == 1, "the digest was ended before")
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

/// Size and SHA-256 of a file.
package struct FileDigest {
    package let bytes: Int
    /// In hexadecimal digits, as `sha256sum` prints it
    package let sha256: String

    /// Bytes in memory at a time
    private static let piece = 1 << 22

    /// - Throws: `ModelFileError`
    package init(_ url: URL) throws {
        let mapping = try FileMapping(url)
        bytes = mapping.bytes.count
        let digest = SHA256Digest()
        for start in stride(from: 0, to: bytes, by: Self.piece) {
            let range = start..<min(start + Self.piece, bytes)
            digest.update(UnsafeRawBufferPointer(rebasing: mapping.bytes[range]))
            // A checkpoint of every weight is several times the model, and nobody reads it again.
            mapping.releasePages(of: range)
        }
        sha256 = digest.hexadecimal()
    }
}
