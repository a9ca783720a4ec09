import java.io.File;
import java.util.List;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider;
import org.verapdf.pdfa.Foundries;
import org.verapdf.pdfa.PDFAParser;
import org.verapdf.pdfa.flavours.PDFAFlavour;
import org.verapdf.pdfa.results.TestAssertion;
import org.verapdf.pdfa.results.ValidationResult;

/** Checks that each PDF is what Vigie says it is: PDF/A-3a and PDF/UA-1. Names what is not, and ends with 1. */
public class Check {
    public static void main(String[] files) throws Exception {
        Logger.getLogger("").setLevel(Level.WARNING);
        VeraGreenfieldFoundryProvider.initialise();
        if (files.length == 0) {
            System.err.println("usage: check FILE.pdf ...");
            System.exit(2);
        }
        boolean allAreRight = true;
        for (String file : files) {
            for (PDFAFlavour flavour : List.of(PDFAFlavour.PDFA_3_A, PDFAFlavour.PDFUA_1)) {
                allAreRight &= isRight(new File(file), flavour);
            }
        }
        System.exit(allAreRight ? 0 : 1);
    }

    private static boolean isRight(File file, PDFAFlavour flavour) throws Exception {
        try (PDFAParser parser = Foundries.defaultInstance().createParser(file, flavour)) {
            ValidationResult result =
                    Foundries.defaultInstance().createValidator(flavour, false).validate(parser);
            System.out.printf(
                    "%s: %s %s, %d assertions%n",
                    file.getName(),
                    flavour,
                    result.isCompliant() ? "holds" : "FAILS",
                    result.getTotalAssertions());
            for (TestAssertion assertion : result.getTestAssertions()) {
                if (assertion.getStatus() == TestAssertion.Status.FAILED) {
                    System.out.printf(
                            "  %s: %s (%s)%n",
                            assertion.getRuleId(), assertion.getMessage(), assertion.getLocation());
                }
            }
            return result.isCompliant() && result.getTotalAssertions() > 0;
        }
    }
}
