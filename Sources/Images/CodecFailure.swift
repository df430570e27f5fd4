import CImageCodecs
import Messages

/// Why a codec did not read an image.
struct CodecFailure {
    private let status: aic_status
    /// Its own words
    private let text: String

    /// nil where it did.
    init?(_ call: (UnsafeMutablePointer<CChar>?) -> aic_status) {
        var status = AIC_OK
        let message = [CChar](unsafeUninitializedCapacity: Int(AIC_MESSAGE_LENGTH)) { buffer, count in
            buffer.initialize(repeating: 0)
            status = call(buffer.baseAddress)
            count = buffer.count
        }
        if status == AIC_OK { return nil }
        self.status = status
        text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func error(_ format: ImageFormat, name: String) -> ImageError {
        let (what, advice): (String, String) =
            switch status {
            case AIC_CUT_OFF: ("the \(format.rawValue) image is cut off", "copy or download the file again")
            case AIC_UNSUPPORTED:
                ("this kind of \(format.rawValue) is not read", "save it as a usual JPEG, PNG or WebP")
            case AIC_NO_MEMORY: ("there is no memory for the \(format.rawValue) image", "make it smaller")
            default: ("the \(format.rawValue) image is damaged", "save or download it again, or leave it out")
            }
        return ImageError(
            file: name, problem: text.isEmpty ? what : "\(what) (\(oneLine(text)))", advice: advice)
    }
}

extension ImageFormat {
    var header:
        (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<aic_header>?, UnsafeMutablePointer<CChar>?) ->
            aic_status
    {
        switch self {
        case .jpeg: aic_jpeg_header
        case .png: aic_png_header
        case .webp: aic_webp_header
        }
    }

    var decode:
        (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt8>?, Int, UnsafeMutablePointer<CChar>?) ->
            aic_status
    {
        switch self {
        case .jpeg: aic_jpeg_rgb
        case .png: aic_png_rgb
        case .webp: aic_webp_rgb
        }
    }
}
