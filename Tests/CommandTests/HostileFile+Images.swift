import Foundation
import GoldenFiles
import ModelFiles

/// Images, folders and lists of them, and what says how they become pixels.
extension HostileFile {
    /// A tiny ViT on two classes of two images each, all of which the first step reads.
    ///
    /// - Parameter bytes: that a step takes beside what the program needs to find the fault before it.
    private static func images(
        _ name: String, status: Int32 = 65, _ mentions: [String], train: String = "rows", bytes: Int = 0,
        _ spoil: @escaping @Sendable (Workspace) throws -> Void
    ) -> HostileFile {
        let arguments = [
            "train", "--model", "model", "--train", train, "--output", "run", "--steps", "2", "--batch-size",
            "4", "--budget", "12", "--threads", "1",
        ]
        return HostileFile(name, status: status, mentions, bytes: bytes, arguments: arguments) { workspace in
            try FileManager.default.removeItem(at: workspace.model)
            try FileManager.default.copyItem(at: Golden.url("vision/vit/model"), to: workspace.model)
            try workspace.write(ImageRunTests.preprocessing, to: "model/preprocessor_config.json")
            for label in ["a", "b"] {
                try FileManager.default.createDirectory(
                    at: workspace.file("rows/\(label)"), withIntermediateDirectories: true)
                for (name, golden) in [("1.jpg", "rgb-420.jpg"), ("2.png", "grey-8.png")] {
                    try workspace.write(image(golden), to: "rows/\(label)/\(name)")
                }
            }
            try spoil(workspace)
        }
    }

    private static func image(_ golden: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: Golden.url("images/files/\(golden)")))
    }

    private static func list(_ name: String, _ path: String, _ problem: String) -> HostileFile {
        images(name, ["rows.csv:3: image '\(path)': \(problem)"], train: "rows.csv") {
            try $0.write("image,label\nrows/a/1.jpg,a\n\(path),b\n", to: "rows.csv")
        }
    }

    private static func processor(_ name: String, _ problem: String, _ json: String) -> HostileFile {
        images(name, ["model/preprocessor_config.json: ", problem]) {
            try $0.write(json, to: "model/preprocessor_config.json")
        }
    }

    static let imageFiles: [HostileFile] = [
        list("image that is not there", "rows/none.png", "cannot open: No such file or directory; check"),
        list("image without end", "/dev/zero", "this is not a regular file; give"),
        list("folder for an image", "rows/a", "this is a folder; give"),
        images("GIF among images", ["rows/b/3.gif: this is a GIF image; convert it to PNG, JPEG or WebP"]) {
            try $0.write(Array("GIF89a".utf8) + [1, 0, 1, 0, 0, 0, 0, 0x3B], to: "rows/b/3.gif")
        },
        images("class without images", ["rows/c: there is no image of this class; add some, or remove"]) {
            try FileManager.default.createDirectory(
                at: $0.file("rows/c"), withIntermediateDirectories: true)
        },
        images(
            "nothing says how images become pixels", status: 66,
            ["/model: no preprocessor_config.json in this folder", "copy it from where the model comes from"]
        ) {
            try FileManager.default.removeItem(at: $0.file("model/preprocessor_config.json"))
        },
        processor(
            "processor that breaks off", "a control character inside a string",
            "{\"image_processor_type\": \"ViT\n"),
        processor(
            "endless images", "key 'size': 1000000000 is no side of 1 to 16384 pixels",
            #"{"image_processor_type": "ViTImageProcessor", "size": {"height": 1000000000, "width": 12}}"#),
        processor(
            "division by nothing", "key 'image_std': 0, by which nothing can be divided",
            #"{"image_processor_type": "ViTImageProcessor", "size": 12, "image_std": [0.5, 0, 0.5]}"#),
        processor(
            "deep processor", "nested deeper than 64 levels",
            String(repeating: #"{"image_processor_type":"#, count: 10_000)),
    ]

    static let damagedImages: [HostileFile] = [
        images(
            "half a JPEG",
            ["rows:1: ", "rows/a/1.jpg: the JPEG image is cut off", "copy or download the file again"],
            bytes: 32 << 20
        ) {
            let whole = try image("rgb-420.jpg")
            try $0.write(Array(whole.prefix(whole.count / 2)), to: "rows/a/1.jpg")
        },
        images(
            "header of 60,000 × 60,000 pixels",
            [
                "rows:4: ", "rows/b/2.png: the image has 60000 × 60000 pixels, the limit is 89478485 in all",
                "make it smaller",
            ], bytes: 32 << 20
        ) {
            let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            let side = PNGImage.bigEndian(60_000)
            let chunks = [("IHDR", side + side + [8, 2, 0, 0, 0]), ("IDAT", [0x78, 0x9C]), ("IEND", [])]
            try $0.write(
                signature + chunks.flatMap { PNGImage.chunk($0.0, $0.1) }, to: "rows/b/2.png")
        },
    ]
}
