/// A class of transformers that makes pixels of images, with what it does where its file does not say.
///
/// All of them do the same in the same order; only their defaults differ.
enum ImageProcessorClass: String, CaseIterable {
    case vit = "ViTImageProcessor"
    case deit = "DeiTImageProcessor"
    case bit = "BitImageProcessor"
    case beit = "BeitImageProcessor"
    case clip = "CLIPImageProcessor"
    case siglip = "SiglipImageProcessor"

    /// The class of a file's `image_processor_type` or `feature_extractor_type`, which may name a backend or be of older times.
    init?(name: String) {
        var name = name
        for suffix in ["Fast", "Pil"] where name.hasSuffix(suffix) { name.removeLast(suffix.count) }
        if name.hasSuffix("FeatureExtractor") {
            name = name.dropLast("FeatureExtractor".count) + "ImageProcessor"
        }
        self.init(rawValue: name)
    }

    /// What transformers takes for a model whose file names no class.
    init?(modelType: String) {
        switch modelType {
        case "vit", "vit_msn", "vit_mae": self = .vit
        case "deit": self = .deit
        case "dinov2": self = .bit
        case "beit", "data2vec-vision": self = .beit
        case "clip": self = .clip
        case "siglip": self = .siglip
        default: return nil
        }
    }

    var filter: ResampleFilter { self == .vit ? .bilinear : .bicubic }
    var size: ProcessorSize {
        switch self {
        case .vit, .beit, .siglip: .exact(height: 224, width: 224)
        case .deit: .exact(height: 256, width: 256)
        case .bit, .clip: .shortestEdge(224)
        }
    }
    /// Whether a size that is one number is that of both sides, not of the shorter one.
    var takesSquares: Bool { self == .vit || self == .deit || self == .beit }
    /// Whether what is transparent becomes white.
    var convertsTransparency: Bool { self == .bit || self == .clip || self == .siglip }
    var cropsMiddle: Bool { self == .deit || self == .bit || self == .clip }
    /// nil where nothing is cropped unless a file says how large.
    var cropSize: (height: Int, width: Int)? { self == .vit || self == .siglip ? nil : (224, 224) }
    /// Of red, green and blue
    var mean: [Float] {
        self == .bit || self == .clip ? [0.48145466, 0.4578275, 0.40821073] : [0.5, 0.5, 0.5]
    }
    var deviation: [Float] {
        self == .bit || self == .clip ? [0.26862954, 0.26130258, 0.27577711] : [0.5, 0.5, 0.5]
    }
}
