"""The page in a browser: its controls, its keyboard, its requests, and the generator that runs on it."""

import base64
import io
import shutil

import keras
import numpy as np
import pytest
from PIL import Image

import kgan
from kgan.evaluation import way
from kgan.gan import architectures
from kgan.gan.latent import sample_latents, slerp
from kgan.report import write_report
from kgan.report.network import dequantised
from support.run_folders import gan_run, lstm_run

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")
LATENT_DIM = 6


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Paths of pages by name: of a GAN's run with an explorer, and of the palindrome task."""
    path = tmp_path_factory.mktemp("runs")
    gan = built("compact")
    return {
        "gan": write_report(gan_run(path / "gan-1"), explorer=gan),
        "lstm": write_report(lstm_run(path / "lstm-1")),
    }


def built(architecture):
    """A GAN with weights of an own, and batch norms that have seen data."""
    keras.utils.set_random_seed(0)
    networks = getattr(architectures, architecture)(LATENT_DIM)
    gan = kgan.GAN(*networks, latent_dim=LATENT_DIM)
    rng = np.random.default_rng(0)
    for layer in gan.generator.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.normal(0, 0.2, layer.beta.shape))
            layer.moving_mean.assign(rng.normal(0, 0.2, layer.beta.shape))
            layer.moving_variance.assign(rng.uniform(0.02, 0.2, layer.beta.shape))
    return gan


@pytest.fixture
def opened(browser):
    """Function of a page's path, and options of the browser, that opens it and watches it to the end."""
    contexts, seen = [], []

    def open_page(path, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: seen.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: seen.append(str(error)))
        address = path.as_uri()
        page.on(
            "request", lambda request: seen.append(request.url) if outward(request.url, address) else None
        )
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert seen == []  # no message, no error, no request for anything but the page


def outward(url, address):
    return not url.startswith("data:") and url.partition("#")[0] != address


def frame_of(page):
    """The pixels that the player shows."""
    return pixels_of(page.locator(".player img").get_attribute("src"))


def canvas_of(page, selector):
    """The pixels of a canvas."""
    return pixels_of(page.locator(selector).evaluate("canvas => canvas.toDataURL()"))


def pixels_of(uri):
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as picture:
        return np.asarray(picture.convert("L"), dtype=float)


def grid_of(path):
    with Image.open(path) as picture:
        return np.asarray(picture)[::4, ::4]


def test_the_samples_slider_moves_by_keyboard_and_shows_the_step(folders, opened):
    page = opened(folders["gan"])
    samples = folders["gan"].parent / "samples"
    slider, step = page.locator(".player input"), page.locator(".player output")
    assert step.inner_text() == "step 100"
    np.testing.assert_allclose(frame_of(page), grid_of(samples / "step-000100.png"), atol=8)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert step.inner_text() == "step 50"
    assert slider.get_attribute("aria-valuetext") == "step 50"
    np.testing.assert_allclose(frame_of(page), grid_of(samples / "step-000050.png"), atol=8)
    assert page.locator(".player img").get_attribute("alt").endswith("step 50")
    page.keyboard.press("Home")
    assert step.inner_text() == "step 0"


def test_the_samples_play_to_the_last_and_can_be_paused(folders, opened):
    page = opened(folders["gan"])
    button, step = page.locator(".player button"), page.locator(".player output")
    button.press("Enter")
    assert button.inner_text() == "Pause"
    assert step.inner_text() == "step 0"
    button.press("Enter")
    assert button.inner_text() == "Play"
    assert step.inner_text() == "step 0"
    button.press("Space")
    sync_api.expect(step).to_have_text("step 100")
    assert button.inner_text() == "Play"


def test_nothing_moves_by_itself_and_less_where_motion_is_unwelcome(folders, opened):
    page = opened(folders["gan"], reduced_motion="reduce")
    page.locator(".player button").click()
    page.wait_for_timeout(700)  # in which it would have been at its end
    assert page.locator(".player output").inner_text() == "step 0"
    behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
    assert page.evaluate(behaviour) == "auto"


def test_the_interpolation_slider_shows_the_frame_and_the_confidence_of_both_ends(folders, opened):
    page = opened(folders["gan"])
    slider, frame = page.locator(".strip input"), page.locator(".strip .frame")
    values = page.locator(".strip .value")
    assert values.all_inner_texts() == ["100.0 %", "0.0 %"]
    slider.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert values.all_inner_texts() == ["50.0 %", "50.0 %"]
    assert page.locator(".strip output").inner_text() == "Image 3 of 5, taken for a 9"
    assert frame.get_attribute("aria-label") == "Image 3 of 5, taken for a 9"
    assert frame.evaluate("part => getComputedStyle(part).backgroundPosition") == "50% 0px"
    drawn = Image.open(io.BytesIO(frame.screenshot())).convert("L").resize((28, 28), Image.Resampling.BOX)
    with Image.open(folders["gan"].parent / "plots" / "interpolation-frames.png") as strip:
        frames = np.asarray(strip.convert("L"), dtype=float)
    rests = [np.abs(np.asarray(drawn) - frames[:, x : x + 28]).mean() for x in range(0, 5 * 28, 28)]
    assert np.argmin(rests) == 2
    assert rests[2] < 12 < 40 < np.delete(rests, 2).min()


@pytest.mark.parametrize("name", ["gan", "lstm"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_its_text_is_read_in_light_and_dark(name, scheme, folders, opened):
    page = opened(folders[name], viewport={"width": 360, "height": 740}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    ink, paper = page.evaluate(
        "[...['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])]"
    )
    assert contrast(ink, paper) > 10
    colors = page.evaluate(
        """() => [...document.querySelectorAll(
        ".plot text, figcaption, .caption, nav a, td, button, .mark")].map(
        part => getComputedStyle(part)[part.tagName === "text" ? "fill" : "color"])"""
    )
    assert len(colors) > 40
    assert min(contrast(color, paper) for color in set(colors)) > 4.5


def contrast(one, other):
    """Of two CSS colors, by WCAG 2."""

    def luminance(color):
        channels = [float(word.strip("rgba() ")) / 255 for word in color.split(",")[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return np.dot(linear, (0.2126, 0.7152, 0.0722))

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", ["gan", "lstm"])
def test_the_tab_key_reaches_every_control_which_shows_that_it_is_reached(name, folders, opened):
    page = opened(folders[name])
    count = page.evaluate(
        """() => { window.left = new Set(document.querySelectorAll("a[href], button, input, [tabindex='0']"));
        return window.left.size; }"""
    )
    for _ in range(count):
        page.keyboard.press("Tab")
        outlined = page.evaluate(
            """() => { window.left.delete(document.activeElement);
            return getComputedStyle(document.activeElement).outlineStyle; }"""
        )
        assert outlined != "none"
    assert page.evaluate("[...window.left].map(part => part.outerHTML)") == []


def test_every_picture_has_words_and_every_control_a_name(folders, opened):
    page = opened(folders["gan"])
    assert page.evaluate("[...document.images].every(image => image.alt)")
    assert page.evaluate(
        "[...document.querySelectorAll('[role=img], [role=application]')].every(part => part.ariaLabel)"
    )
    names = [
        control.evaluate("c => c.ariaLabel || c.labels?.[0]?.textContent || c.textContent")
        for control in page.locator("input, button").all()
    ]
    assert all(names)
    assert len(names) == 10


def test_without_javascript_the_last_picture_is_shown_and_a_note_says_why_no_slider_moves(folders, opened):
    page = opened(folders["gan"], java_script_enabled=False)
    assert page.locator("noscript p").inner_text().startswith("The sliders need JavaScript")
    np.testing.assert_allclose(
        frame_of(page), grid_of(folders["gan"].parent / "samples" / "step-000100.png"), atol=8
    )


def test_the_map_is_walked_by_pointer_and_keys_and_the_image_follows(folders, opened):
    page = opened(folders["gan"])
    place, image = page.locator("#explorer-place output"), ".explorer .image"
    sync_api.expect(place).to_have_text("50 % across, 50 % down.")
    middle = canvas_of(page, image)
    assert middle.std() > 5
    page.locator(".map").focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    sync_api.expect(place).to_have_text("60 % across, 49 % down.")
    walked = canvas_of(page, image)
    assert np.abs(walked - middle).mean() > 0.1
    page.locator(".map").click(position={"x": 0, "y": 0})
    sync_api.expect(place).to_have_text("0 % across, 0 % down.")
    corner = canvas_of(page, image)
    page.locator(".centre").click()
    sync_api.expect(place).to_have_text("50 % across, 50 % down.")
    np.testing.assert_array_equal(canvas_of(page, image), middle)
    assert np.abs(corner - middle).mean() > 1


def test_new_latents_and_directions_change_the_image_and_a_seed_brings_it_back(folders, opened):
    page = opened(folders["gan"])
    image = ".explorer .image"
    two_frames = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    page.evaluate(two_frames)
    first = canvas_of(page, image)
    page.locator(".directions input").first.press("End")
    page.evaluate(two_frames)
    assert np.abs(canvas_of(page, image) - first).mean() > 1
    page.locator(".centre").click()
    page.locator(".new").click()
    page.evaluate(two_frames)
    assert page.locator(".seed").input_value() == "2"
    assert np.abs(canvas_of(page, image) - first).mean() > 1
    page.locator(".seed").fill("1")
    page.locator(".seed").press("Enter")
    page.evaluate(two_frames)
    np.testing.assert_array_equal(canvas_of(page, image), first)


def test_the_map_begins_between_the_corners_it_is_given(tmp_path, opened):
    gan = built("compact")
    corners = dict(zip((0, 3, 5, 7), sample_latents(4, LATENT_DIM, seed=3), strict=True))
    path = write_report(gan_run(tmp_path / "gan-1", evaluated=False), explorer=gan, corners=corners)
    page = opened(path)
    assert "At first they are of a 0, a 3, a 5 and a 7." in page.locator("#walk").inner_text()
    page.locator(".map").focus()
    for key in ["ArrowLeft", "ArrowUp"] * 10:
        page.keyboard.press(key)
    sync_api.expect(page.locator("#explorer-place output")).to_have_text("0 % across, 0 % down.")
    expected = (gan.generate(corners[0][np.newaxis])[0, ..., 0] + 1) * 127.5
    assert expected.std() > 5
    np.testing.assert_allclose(canvas_of(page, ".explorer .image"), expected, atol=12)  # 8 bits, 2 % of 255
    page.locator(".new").click()
    assert page.locator(".seed").input_value() == "1"


def test_between_two_classes_their_labels_are_mixed_in_a_straight_line(tmp_path, opened):
    networks = architectures.compact(LATENT_DIM + 3, num_classes=3)
    gan = kgan.ConditionalGAN(*networks, latent_dim=LATENT_DIM, num_classes=3)
    latents = gan.sample_latents(4, labels=[0, 1, 2, 0], seed=3)
    corners = dict(zip("abcd", latents, strict=True))
    page = opened(write_report(gan_run(tmp_path / "gan-1", evaluated=False), explorer=gan, corners=corners))
    page.locator(".map").focus()
    for _ in range(10):
        page.keyboard.press("ArrowUp")
    sync_api.expect(page.locator("#explorer-place output")).to_have_text("50 % across, 0 % down.")
    middle = way(gan, *latents[:2], num_intermediate=1, method=slerp)[1:2]
    expected = (gan.generate(middle)[0, ..., 0] + 1) * 127.5
    assert expected.std() > 5
    np.testing.assert_allclose(canvas_of(page, ".explorer .image"), expected, atol=12)  # 8 bits, 2 % of 255


@pytest.mark.parametrize("architecture", ["fully_connected", "template", "slim", "convolutional", "compact"])
def test_the_page_draws_the_images_that_the_model_draws(architecture, tmp_path, opened):
    gan = built(architecture)
    page = opened(write_report(gan_run(tmp_path / "gan-1", evaluated=False), explorer=gan))
    latents = sample_latents(4, LATENT_DIM, seed=3)
    script = "latents => latents.map(latent => document.querySelector('.explorer').generate(latent))"
    drawn = np.array(page.evaluate(script, latents.tolist())).reshape(4, 28, 28, 1)
    exact, coarse = gan.generate(latents), dequantised(gan.generator, bits=8).predict(latents, verbose=0)
    assert exact.std(axis=0).mean() > 0.01  # the images differ
    np.testing.assert_allclose(drawn, coarse, atol=2e-5)
    rest = np.sqrt(np.mean((drawn - exact) ** 2)) / 2
    assert 1e-6 < rest < 0.01


def test_the_page_runs_the_other_layers_of_users_as_keras_does(tmp_path, opened):
    layers = keras.layers
    keras.utils.set_random_seed(1)
    stack = [layers.Input((3,)), layers.Dense(4 * 5 * 2, activation="elu"), layers.Reshape((4, 5, 2))]
    stack += [layers.Conv2DTranspose(3, (2, 3), strides=(3, 2)), layers.LeakyReLU(0.1), layers.Dropout(0.5)]
    stack += [layers.UpSampling2D((1, 2)), layers.Conv2D(4, (3, 4), strides=(2, 3), padding="same")]
    stack += [layers.ELU(0.7), layers.Conv2D(3, 2, activation="silu"), layers.Rescaling(0.5, offset=-0.1)]
    generator = keras.Sequential([*stack, layers.Activation("tanh")])
    shape = generator.output_shape[1:]
    discriminator = keras.Sequential([layers.Input(shape), layers.Flatten(), layers.Dense(1)])
    gan = kgan.GAN(generator, discriminator, latent_dim=3)
    page = opened(write_report(gan_run(tmp_path / "gan-1", evaluated=False), explorer=gan))
    latents = sample_latents(4, 3, seed=3)
    script = "latents => latents.map(latent => document.querySelector('.explorer').generate(latent))"
    drawn = np.array(page.evaluate(script, latents.tolist())).reshape(4, *shape)
    coarse = dequantised(generator, bits=page_bits(page)).predict(latents, verbose=0)
    assert coarse.std(axis=0).mean() > 0.005  # the images differ, by far more than the tolerance
    np.testing.assert_allclose(drawn, coarse, atol=2e-5)


def page_bits(page):
    """The bits of a weight that the page says."""
    return int(page.locator(".explorer .remark").inner_text().split()[2])
