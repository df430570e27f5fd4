import CZlib
import Foundation
import Images
import ModelFiles
import Testing

/// Each file that is refused, and by which words.
@Suite struct RefusedImageTests {
    private struct Case {
        let name: String
        let bytes: [UInt8]
        let problem: String
        let advice: String
    }

    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    static func big(_ value: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
    }

    static func chunk(_ name: String, _ content: [UInt8], isSound: Bool = true) -> [UInt8] {
        let checked = Array(name.utf8) + content
        let sum = checked.withUnsafeBufferPointer { Int(crc32(0, $0.baseAddress, UInt32($0.count))) }
        return big(content.count) + checked + big(isSound ? sum : sum ^ 1)
    }

    static func packed(_ bytes: [UInt8]) -> [UInt8] {
        var length = compressBound(UInt(bytes.count))
        var packed = [UInt8](repeating: 0, count: Int(length))
        compress(&packed, &length, bytes, UInt(bytes.count))
        return Array(packed[..<Int(length)])
    }

    /// A PNG of these sides whose pixels are `data`, packed.
    static func png(
        _ width: Int, _ height: Int, depth: UInt8 = 8, color: UInt8 = 2, before: [UInt8] = [],
        data: [UInt8]? = nil,
        after: [UInt8] = []
    ) -> [UInt8] {
        let header = big(width) + big(height) + [depth, color, 0, 0, 0]
        let rows = data ?? [UInt8](repeating: 0, count: min(height, 100) * (1 + min(width, 100) * 3))
        return signature + chunk("IHDR", header) + before + chunk("IDAT", packed(rows)) + after
            + chunk("IEND", [])
    }

    private static func jpeg(_ change: (inout [UInt8]) -> Void) throws -> [UInt8] {
        var bytes = try ImageGolden.bytes("rgb-420.jpg")
        change(&bytes)
        return bytes
    }

    /// Where the frame header's marker stands.
    private static func frame(_ bytes: [UInt8]) -> Int {
        bytes.indices.first { bytes[$0] == 0xFF && $0 + 1 < bytes.count && bytes[$0 + 1] == 0xC0 } ?? 0
    }

    private static func cases() throws -> [Case] {
        let text = Array("name,label\n".utf8)
        return [
            Case(name: "empty", bytes: [], problem: "this is an empty file", advice: "leave it out"),
            Case(
                name: "text", bytes: text, problem: "this is no image that can be read",
                advice: "give a JPEG, PNG or WebP"),
            Case(
                name: "GIF", bytes: Array("GIF89a".utf8) + text, problem: "this is a GIF image",
                advice: "convert it"),
            Case(
                name: "BMP", bytes: Array("BM".utf8) + text, problem: "this is a BMP image",
                advice: "convert it"),
            Case(
                name: "TIFF", bytes: [0x49, 0x49, 0x2A, 0] + text, problem: "this is a TIFF image",
                advice: "convert it"),
            Case(
                name: "HEIC", bytes: [0, 0, 0, 24] + Array("ftypheic".utf8), problem: "a HEIC image",
                advice: "convert it"),
            Case(
                name: "AVIF", bytes: [0, 0, 0, 24] + Array("ftypavif".utf8), problem: "an AVIF image",
                advice: "convert it"),
            Case(
                name: "LFS", bytes: Array("version https://git-lfs.github.com/spec/v1\n".utf8),
                problem: "a pointer to a file of Git LFS",
                advice: "git lfs pull"),
            Case(
                name: "page", bytes: Array("<!DOCTYPE html><html>".utf8), problem: "a web page",
                advice: "give a JPEG"),
            Case(
                name: "half a JPEG", bytes: try jpeg { $0.removeLast($0.count / 2) },
                problem: "the JPEG image is cut off (Premature end of JPEG file)",
                advice: "copy or download the file again"),
            Case(
                name: "JPEG that ends inside",
                bytes: try jpeg { $0.replaceSubrange($0.count - 60..<$0.count - 58, with: [0xFF, 0xD9]) },
                problem: "the JPEG image is damaged (Corrupt JPEG data: premature end of data segment)",
                advice: "save or download it again"),
            Case(
                name: "JPEG of 12 bits", bytes: try jpeg { $0[frame($0) + 4] = 12 },
                problem: "this kind of JPEG is not read",
                advice: "save it as a usual"),
            Case(
                name: "JPEG without rows",
                bytes: try jpeg {
                    $0[frame($0) + 6] = 0
                    $0[frame($0) + 5] = 0
                },
                problem: "the JPEG image is damaged (Empty JPEG image", advice: "save or download"),
            Case(
                name: "huge JPEG", bytes: try jpeg { for at in 5..<9 { $0[frame($0) + at] = 0xF0 } },
                problem: "the image has 61680 × 61680 pixels, the limit is 89478485 in all",
                advice: "make it smaller"),
            Case(
                name: "damaged EXIF",
                bytes: try jpeg {
                    $0.insert(contentsOf: [0xFF, 0xE1, 0, 10] + Array("Exif\0\0ab".utf8), at: 2)
                },
                problem: "the EXIF data do not begin as TIFF does, and they may say which way is up",
                advice: "save the picture again"),
            Case(
                name: "huge PNG", bytes: png(999_999, 999_999),
                problem: "the image has 999999 × 999999 pixels, the limit is 89478485 in all",
                advice: "make it smaller"),
            Case(
                name: "PNG beyond libpng", bytes: png(1_000_001, 1), problem: "the PNG image is damaged",
                advice: "save"),
            Case(
                name: "PNG without columns", bytes: png(0, 5), problem: "the PNG image is damaged",
                advice: "save"),
            Case(
                name: "PNG of few rows", bytes: png(9, 9, data: [UInt8](repeating: 0, count: 50)),
                problem: "the PNG image is damaged (Not enough image data)", advice: "save or download"),
            Case(
                name: "grey of 16 bits", bytes: png(4, 4, depth: 16, color: 0),
                problem: "the image is grey of 16 bits",
                advice: "save it with 8 bits a sample"),
            Case(
                name: "animated PNG", bytes: png(2, 2, before: chunk("acTL", big(3) + big(0))),
                problem: "this is an animated PNG, and nobody knows which of its frames is meant",
                advice: "save that frame"),
            Case(
                name: "index without colour",
                bytes: png(2, 1, color: 3, before: chunk("PLTE", [1, 2, 3]), data: [0, 0, 1]),
                problem: "a pixel has a colour that is not in the palette", advice: "save or download"),
            Case(
                name: "damaged chunk", bytes: png(2, 1, before: chunk("eXIf", [1], isSound: false)),
                problem: "the chunk 'eXIf' is damaged", advice: "save the picture again"),
            Case(
                name: "packed bomb",
                bytes: png(
                    2, 1,
                    before: chunk(
                        "iTXt",
                        Array("XML:com.adobe.xmp\0\u{1}\0\0\0".utf8)
                            + packed([UInt8](repeating: 65, count: 4 << 20)))),
                problem: "a packed text is cut off, or of more than 1048576 bytes",
                advice: "save the picture again"),
            Case(
                name: "profile without digits",
                bytes: png(
                    2, 1, before: chunk("tEXt", Array("Raw profile type exif\0\nexif\n 2\nzz\n".utf8))),
                problem: "the EXIF data are no hexadecimal digits", advice: "save the picture again"),
            Case(
                name: "nothing of a WebP",
                bytes: Array("RIFF\u{20}\0\0\0WEBPVP8 ".utf8) + [UInt8](repeating: 0, count: 40),
                problem: "the WebP image is damaged", advice: "save or download"),
        ]
    }

    @Test func isRefusedInOneLine() throws {
        for row in try Self.cases() {
            do {
                _ = try ImageFile.decode(row.bytes, name: "a/b.png")
                Issue.record("\(row.name) is read")
            } catch let error as ImageError {
                #expect(error.description.hasPrefix("a/b.png: "), "\(row.name): \(error)")
                #expect(error.problem.contains(row.problem), "\(row.name): \(error)")
                #expect(error.advice.contains(row.advice), "\(row.name): \(error)")
                let hasLines = error.description.contains { $0.isNewline }
                #expect(!hasLines && error.kind == .invalid, "\(row.name)")
            }
        }
    }

    @Test func whatCannotBeReadAtAll() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("images-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func error(_ name: String, _ limits: ImageLimits = ImageLimits()) -> ImageError? {
            do {
                _ = try ImageFile.read(folder.appendingPathComponent(name), limits: limits)
                return nil
            } catch { return error as? ImageError }
        }
        #expect(error("none.jpg")?.kind == .missing)
        #expect(error("")?.problem == "this is a folder")
        try Data(Self.png(1, 1)).write(to: folder.appendingPathComponent("a.png"))
        #expect(error("a.png") == nil)
        #expect(error("a.png", ImageLimits(fileBytes: 20))?.problem.contains("the limit is 20") == true)
        #expect(error("a.png", ImageLimits(pixels: 0))?.problem.contains("the limit is 0 in all") == true)
    }

    /// libwebp's encoder is not needed: an extended header alone says that frames follow.
    @Test func animatedWebPIsRefused() throws {
        let header: [UInt8] = Array("VP8X".utf8) + [10, 0, 0, 0, 0x02, 0, 0, 0, 7, 0, 0, 7, 0, 0]
        let loop: [UInt8] = Array("ANIM".utf8) + [6, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        let lossy = try ImageGolden.bytes("lossy.webp")[12...]
        let length = lossy.count + 16
        let frame: [UInt8] =
            Array("ANMF".utf8) + [UInt8(length & 255), UInt8(length >> 8), 0, 0]
            + [UInt8](repeating: 0, count: 6)
            + [36, 0, 0, 28, 0, 0, 100, 0, 0, 0] + lossy
        let body = Array("WEBP".utf8) + header + loop + frame
        let bytes = Array("RIFF".utf8) + [UInt8(body.count & 255), UInt8(body.count >> 8), 0, 0] + body
        do {
            _ = try ImageFile.decode(bytes, name: "f")
            Issue.record("an animation is read")
        } catch let error as ImageError {
            #expect(error.problem.contains("this is an animated WebP"), "\(error)")
        }
    }
}
